# shellcheck shell=bash
# The quiet-host report: what the host takes from a thread that never sleeps, by `vesta bench jitter`, before it
# was tuned and after.
report() { refuse "report: not yet"; }
