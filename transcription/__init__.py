"""Speech in; words with times, speakers and subtitles out, over HTTP.

`http` has the doors and composes the service (`http.app`), `jobs` cares for jobs and their workers, `speech` does them.
"""
