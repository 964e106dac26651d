"""What a job means: recognise, align, diarize, and the files that are written from it."""
