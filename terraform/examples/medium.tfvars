# Production: six shards on metal with standbys, a second site, WAF.
tier          = "medium"
bucket_prefix = "acme-vesta"
domain_name   = "trade.example.com"

release = {
  bucket = "acme-vesta-releases"
  key    = "vesta.tar.gz"
  sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
}

alert_emails = {
  critical = ["duty@example.com"]
  warning  = ["platform@example.com"]
}

# Who may take the roles of operators and auditors; the pipeline that takes the deployer's.
trusted_principal_arns = ["arn:aws:iam::123456789012:role/sso-platform"]

# The office, which may reach the Kubernetes API. None closes it to all but the VPC.
public_access_cidrs = ["203.0.113.0/24"]
