"""S3 and what speaks its protocol: requests, listings, versions, and conditions on writes."""
