#!/usr/bin/env bash
# The same as tidy.t, with the lakes on S3.
export DL_LAKE_ON=s3
. tests/tidy.t
