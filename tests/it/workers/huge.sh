#!/bin/sh
# Announces a message of four gigabytes.
printf '\377\377\377\377'
exec cat >/dev/null
