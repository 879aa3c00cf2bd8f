#!/usr/bin/env bash
# The same as kill.t, with the lakes on S3.
export DL_LAKE_ON=s3 FAULT_ROUNDS=${FAULT_ROUNDS:-9}
. tests/fault/kill.t
