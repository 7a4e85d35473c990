# The second region: backups, and the site that waits.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "acme-dr"
  bucket_prefix = "acme-dr"
}

run "backups_only" {
  command = plan

  module {
    source = "./modules/dr"
  }

  assert {
    condition     = aws_s3_bucket_versioning.backups[0].versioning_configuration[0].status == "Enabled" && aws_s3_bucket_lifecycle_configuration.backups[0].rule[0].expiration[0].days == 365
    error_message = "Backups are not versioned, or not deleted after a year."
  }

  assert {
    condition     = output.cluster_name == null && length(output.zones) == 0 && length(output.load_balancers) == 0
    error_message = "A site is made without being asked for."
  }
}

run "site_and_replica" {
  command = plan

  module {
    source = "./modules/dr"
  }

  variables {
    create_standby_site     = true
    create_database_replica = true
    domain_name             = "trade.example.com"
    zone_id                 = "Z1"
    database                = { aurora = false, arn = "arn:aws:rds:us-east-1:123456789012:db:acme", engine = "postgres", instance_class = "db.r6g.large" }
  }

  assert {
    condition     = aws_db_instance.replica[0].replicate_source_db == "arn:aws:rds:us-east-1:123456789012:db:acme" && aws_db_instance.replica[0].storage_encrypted
    error_message = "The replica does not follow the primary, or is not encrypted."
  }

  assert {
    condition     = output.node_groups["general"].desired == 2 && output.zones == tolist(["us-west-2a", "us-west-2b"])
    error_message = "The site is not two small nodes over two zones."
  }
}

run "replica_without_site" {
  command = plan

  module {
    source = "./modules/dr"
  }

  variables {
    create_database_replica = true
  }

  expect_failures = [var.create_database_replica]
}
