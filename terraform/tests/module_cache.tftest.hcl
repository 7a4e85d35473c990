# Redis, with cluster mode and without.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "acme"
  vpc_id            = "vpc-1"
  subnet_group_name = "acme"
  kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:key/1"
  node_type         = "cache.r6g.large"

  allowed_security_group_ids = { nodes = "sg-1" }
}

run "primary_and_two_replicas" {
  command = plan

  module {
    source = "./modules/cache"
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].num_cache_clusters == 3 && aws_elasticache_replication_group.this[0].multi_az_enabled && aws_elasticache_replication_group.this[0].automatic_failover_enabled
    error_message = "Not a primary and two replicas that take over."
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].transit_encryption_mode == "required" && aws_elasticache_replication_group.this[0].engine_version == "7.1"
    error_message = "Redis 7.1 with TLS only is required."
  }

  assert {
    condition     = { for parameter in aws_elasticache_parameter_group.this[0].parameter : parameter.name => parameter.value } == { maxmemory-policy = "allkeys-lru", timeout = "300" }
    error_message = "The parameters are not as required."
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1" && tobool(aws_elasticache_replication_group.this[0].at_rest_encryption_enabled)
    error_message = "At rest it is not encrypted by the key of this estate."
  }

  assert {
    condition = { for name, rule in aws_vpc_security_group_ingress_rule.this : name => "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}" } == {
      nodes = "sg-1 6379-6379"
    }
    error_message = "Others than the nodes reach Redis."
  }

  assert {
    condition     = aws_elasticache_user.default[0].access_string == "off -@all"
    error_message = "The default user may do something."
  }
}

run "six_nodes_in_two_shards" {
  command = plan

  module {
    source = "./modules/cache"
  }

  variables {
    shard_count = 2
  }

  assert {
    condition     = aws_elasticache_replication_group.this[0].num_node_groups == 2 && aws_elasticache_replication_group.this[0].replicas_per_node_group == 2
    error_message = "Not two shards of three."
  }
}
