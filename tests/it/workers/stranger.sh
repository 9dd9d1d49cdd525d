#!/bin/sh
# Answers another request than the one that was made.
printf '\036\000\000\000{"id":99,"kind":"done"       }'
exec cat >/dev/null
