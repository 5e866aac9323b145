#!/bin/sh
# Ask with curl; SERVICE, KEY, TOKEN and CHALLENGE come from the environment.
set -eu
# region: curl
curl --silent --show-error --header "Authorization: Bearer $KEY" \
  --header "Content-Type: application/json" \
  --data "{\"token\":\"$TOKEN\",\"challenge\":\"$CHALLENGE\"}" "$SERVICE/v1/login/verify"
# endregion: curl
