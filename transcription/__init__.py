"""Speech in, words with times, speakers and subtitles out, over HTTP.

`app` composes the service: `jobs_api` and `openai_api` are its doors, `service` what they may do, `jobs` the record of
a job and its states, `sqlite` where they are kept, `worker` the process that does them, `pipeline` how.
"""
