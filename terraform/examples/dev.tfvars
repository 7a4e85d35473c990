# The smallest estate: two shards on metal, each with a standby. Copy, change, and use with -var-file.
tier          = "dev"
bucket_prefix = "acme-vesta" # the whole world shares these names: take one of yours
domain_name   = "trade.example.com"

release = {
  bucket = "acme-vesta-releases"
  key    = "vesta.tar.gz"
  sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
}

alert_emails = { critical = ["duty@example.com"] }

# The networks that you use kubectl from. None closes the clusters' API to all but the VPC.
public_access_cidrs = ["203.0.113.0/24"]

# Without metal, the warm path alone:
# create_hot_path = false

# Other CPUs for a shard's roles than 2, 3 and 4, such as those of the node that the second interface is on:
# shard_cores = { spot-all = { sequencer = 13, engine = 14, md_publisher = 15 } }
