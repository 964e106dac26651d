"""The care of a job: its record and states, where they are kept, who may see it, the processes that do it."""
