# The smallest estate: two shards on metal, each with a standby. Copy, change, and use with -var-file.
tier          = "dev"
bucket_prefix = "acme-vesta" # the whole world shares these names: take one of yours
domain_name   = "trade.example.com"

release = {
  bucket = "acme-vesta-releases"
  key    = "vesta-0.2.0-x86_64.tar.gz"
  sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
}

alert_emails = { critical = ["duty@example.com"] }

# Without metal, the warm path alone:
# create_hot_path = false
