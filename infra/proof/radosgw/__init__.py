"""Run a real S3 implementation on this machine for `make test-s3`: Debian's radosgw with an in-memory store."""
