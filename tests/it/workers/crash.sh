#!/bin/sh
# Ends with a last word once it is asked something.
head -c 1 >/dev/null
echo "the first line" >&2
echo "the ceiling came down" >&2
exit 3
