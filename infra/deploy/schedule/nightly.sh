#!/bin/sh
# Runs a command for cron: nothing is said when all is well, else what its exit status means and how its log ends, and
# cron mails what is said.
#   nightly.sh LOG COMMAND...
# LOG holds this night, LOG.1 the one before; what every run did stands in the manifest. A log names files, so it is for
# its owner only; the mask of the command itself stays as it is, since it decides who may read the outputs.
set -u
log=$1
shift
(umask 077 && mkdir -p "$(dirname "$log")" && { [ ! -e "$log" ] || mv -f "$log" "$log.1"; } && : > "$log") || exit 1
status=0
"$@" >> "$log" 2>&1 || status=$?
case $status in
    0) exit 0 ;;
    2) meaning="nothing was done but to take down what had run out: wrong usage, settings or registry" ;;
    3) meaning="more objects than --max-failures stand as failed; nothing unsafe is published" ;;
    4) meaning="OUTPUT and manifest disagree, or a second look has seen a face" ;;
    5) meaning="URGENT: an output that is no longer safe could not be removed and is still there" ;;
    *) meaning="it did not come to its end; the next run goes on where it stopped" ;;
esac
echo "anonymizer on $(uname -n): exit status $status: $meaning"
echo "What to do: infra/docs/operations.md. The end of $log:"
tail -n 40 "$log"
exit "$status"
