"""What is measured and proven of this software: speed, detection, faults, fuzzing, days of a lake, a real S3."""
