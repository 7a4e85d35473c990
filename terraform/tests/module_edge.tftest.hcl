# Load balancers, the web ACL, names and static assets.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "acme"
  domain_name       = "trade.example.com"
  vpc_id            = "vpc-1"
  public_subnet_ids = ["subnet-1", "subnet-2"]
  logs_bucket       = "acme-logs"
  create_waf        = true
  static_bucket     = { id = "acme-static", arn = "arn:aws:s3:::acme-static", domain_name = "acme-static.s3.us-east-1.amazonaws.com" }
}

run "with_a_web_acl" {
  command = plan

  module {
    source = "./modules/edge"
  }

  assert {
    condition     = alltrue([for listener in aws_lb_listener.https : listener.ssl_policy == "ELBSecurityPolicy-TLS13-1-3-2021-06"]) && alltrue([for listener in aws_lb_listener.http : listener.default_action[0].type == "redirect"])
    error_message = "A listener takes less than TLS 1.3, or answers without TLS."
  }

  assert {
    condition     = { for name, group in aws_lb_target_group.this : name => group.port } == { futures-api = 7999, futures-ws = 8080, spot-api = 7999, spot-ws = 8080 }
    error_message = "The target groups are not API and WebSocket of both markets."
  }

  assert {
    condition     = toset([for rule in aws_wafv2_web_acl.this[0].rule : rule.name]) == toset(["geography", "rate", "known-bad-inputs", "sql-injection", "cross-site-scripting"])
    error_message = "The web ACL lacks a rule."
  }

  assert {
    condition     = length(aws_wafv2_web_acl_association.this) == 2 && length(aws_shield_protection.this) == 0 && length(aws_globalaccelerator_accelerator.this) == 0
    error_message = "The web ACL does not guard both load balancers, or more is made than asked for."
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this[0].default_ttl == 31536000 && aws_cloudfront_distribution.this[0].default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "Static assets are not kept for a year, or come without TLS."
  }

  assert {
    condition     = aws_route53_record.primary["spot-api"].name == "api.spot.trade.example.com" && aws_route53_record.primary["spot-api"].failover_routing_policy[0].type == "PRIMARY"
    error_message = "Clients' names are not there, or can not move."
  }
}

run "cdn_wants_a_bucket" {
  command = plan

  module {
    source = "./modules/edge"
  }

  variables {
    static_bucket = null
  }

  expect_failures = [var.static_bucket]
}
