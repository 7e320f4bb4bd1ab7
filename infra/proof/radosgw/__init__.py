"""A real S3 implementation on this machine for `make test-s3`: Debian's radosgw over a store in memory."""
