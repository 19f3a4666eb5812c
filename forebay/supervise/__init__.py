"""One gateway = several processes: started in order, watched, drained in the opposite order.

part             what one process is: command, environment, how to tell that it is ready, how long it may drain
launch           the few lines that run between fork and exec: die with your parent
child            one run of a part: its process group, its log lines, its end
supervisor       starts parts one after the other, restarts what crashes, stops all
gateway          the parts of a gateway, from the resolved config
late_mock        the mock part of a config that gets its first built-in provider while the gateway runs
environment      which variables each part is given
folders          the run folder (short, 0700, removed at the end or by the next) and the claim on the state folder
ports            whether somebody else already listens where we shall
local_http       one HTTP request over a Unix socket: readiness, Envoy's admin interface
log_stream       the lines of all parts as one readable stream
"""
