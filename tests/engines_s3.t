#!/usr/bin/env bash
# The same as engines.t, with the lakes on S3.
export DL_LAKE_ON=s3
. tests/engines.t
