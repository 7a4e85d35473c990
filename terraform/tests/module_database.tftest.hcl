# The database: RDS and Aurora.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "acme"
  vpc_id            = "vpc-1"
  subnet_group_name = "acme"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/1"
  instance_class    = "db.r6g.xlarge"
  replica_class     = "db.r6g.large"
  multi_az          = true
  allocated_gib     = 200

  allowed_security_group_ids = { nodes = "sg-1" }
}

run "postgres" {
  command = plan

  module {
    source = "./modules/database"
  }

  assert {
    condition     = aws_db_instance.this[0].engine == "postgres" && aws_db_instance.this[0].engine_version == "16" && aws_db_instance.this[0].multi_az && aws_db_instance.this[0].storage_encrypted && !aws_db_instance.this[0].publicly_accessible
    error_message = "Not PostgreSQL 16 over two zones, encrypted and private."
  }

  assert {
    condition     = alltrue([for key in [aws_db_instance.this[0].kms_key_id, aws_db_instance.this[0].master_user_secret_kms_key_id, aws_db_instance.this[0].performance_insights_kms_key_id] : key == "arn:aws:kms:us-east-1:123456789012:key/1"])
    error_message = "It is not encrypted by the key of this estate."
  }

  assert {
    condition     = aws_db_instance.replica[*].instance_class == ["db.r6g.large", "db.r6g.large"]
    error_message = "Two read replicas are required."
  }

  assert {
    condition     = aws_db_instance.this[0].manage_master_user_password && aws_secretsmanager_secret_rotation.this[0].rotation_rules[0].automatically_after_days == 90
    error_message = "The master password is not RDS's to keep, or not changed every 90 days."
  }

  assert {
    condition     = aws_db_instance.this[0].max_allocated_storage == 1000 && aws_db_instance.this[0].storage_type == "gp3"
    error_message = "Storage does not grow to 1,000 GiB of gp3."
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}" } == { nodes = "sg-1 5432-5432" }
    error_message = "Others than the nodes reach the database."
  }
}

run "aurora" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    engine                = "aurora-postgresql"
    create_global_cluster = true
  }

  assert {
    condition     = length(aws_db_instance.this) == 0 && aws_rds_cluster_instance.this[*].instance_class == ["db.r6g.xlarge", "db.r6g.large", "db.r6g.large"]
    error_message = "Not a writer and two readers."
  }

  assert {
    condition     = aws_db_parameter_group.this[0].family == "aurora-postgresql16" && length(aws_rds_global_cluster.this) == 1
    error_message = "Not of Aurora's family, or no second region could join."
  }
}

run "mysql" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    engine = "mysql"
  }

  assert {
    condition     = aws_db_instance.this[0].port == 3306 && aws_db_parameter_group.this[0].family == "mysql8.0" && aws_vpc_security_group_ingress_rule.this["nodes"].from_port == 3306
    error_message = "MySQL is not on 3306 with parameters of its own."
  }
}

run "aurora_without_a_reader" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    engine        = "aurora-postgresql"
    replica_count = 0
  }

  expect_failures = [aws_rds_cluster.this]
}
