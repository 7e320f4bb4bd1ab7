#!/bin/sh
# Runs a command for cron. It prints nothing when the command succeeds; otherwise it prints the meaning of the exit status
# and the end of the log, which cron then mails.
#   nightly.sh LOG COMMAND...
# LOG is the log of this night, LOG.1 that of the night before; the manifest records what every run did. A log names files,
# so only its owner may read it. The umask of the command itself is unchanged, because it decides who may read the outputs.
set -u
log=$1
shift
(umask 077 && mkdir -p "$(dirname "$log")" && { [ ! -e "$log" ] || mv -f "$log" "$log.1"; } && : > "$log") || exit 1
status=0
"$@" >> "$log" 2>&1 || status=$?
case $status in
    0) exit 0 ;;
    2) meaning="wrong usage, settings or registry; nothing was done except removing outputs whose consent has expired" ;;
    3) meaning="more objects failed than --max-failures allows; nothing unsafe is published" ;;
    4) meaning="OUTPUT and manifest disagree, or the second detector found a face that is not redacted" ;;
    5) meaning="URGENT: an output that is no longer safe could not be removed and is still there" ;;
    *) meaning="the command did not finish; the next run resumes where it stopped" ;;
esac
echo "anonymizer on $(uname -n): exit status $status: $meaning"
echo "What to do: infra/docs/operations.md. The end of $log:"
tail -n 40 "$log"
exit "$status"
