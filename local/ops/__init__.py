"""What whoever runs the service does from a terminal: `make preflight`, `deploy`, `release-all`, `offboard`, `remove`.

Region, credentials and endpoint are boto3's own affair: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL.
"""
