# What the web ACL blocks, in this order: countries, too many requests, known bad inputs, SQL injection,
# cross-site scripting.

resource "aws_wafv2_web_acl" "this" {
  count = var.create && var.create_waf ? 1 : 0

  name        = var.name
  description = "Guards the load balancers of ${var.name}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "geography"
    priority = 0

    action {
      block {}
    }

    statement {
      geo_match_statement {
        country_codes = var.waf_blocked_countries
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "geography"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = var.waf_rate_per_minute
        evaluation_window_sec = 60
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = {
      known-bad-inputs = { priority = 2, group = "AWSManagedRulesKnownBadInputsRuleSet" }
      sql-injection    = { priority = 3, group = "AWSManagedRulesSQLiRuleSet" }
    }

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value.group
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.key
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "cross-site-scripting"
    priority = 4

    action {
      block {}
    }

    statement {
      or_statement {
        statement {
          xss_match_statement {
            field_to_match {
              all_query_arguments {}
            }

            text_transformation {
              priority = 0
              type     = "URL_DECODE"
            }

            text_transformation {
              priority = 1
              type     = "HTML_ENTITY_DECODE"
            }
          }
        }

        statement {
          xss_match_statement {
            field_to_match {
              body {
                oversize_handling = "MATCH"
              }
            }

            text_transformation {
              priority = 0
              type     = "URL_DECODE"
            }

            text_transformation {
              priority = 1
              type     = "HTML_ENTITY_DECODE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "cross-site-scripting"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }

  tags = var.tags
}

resource "aws_wafv2_web_acl_association" "this" {
  for_each = var.create_waf ? local.balancers : toset([])

  resource_arn = aws_lb.this[each.key].arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

# The name has to begin like this: WAF takes no other log group.
resource "aws_cloudwatch_log_group" "waf" {
  count = var.create && var.create_waf ? 1 : 0

  name              = "aws-waf-logs-${var.name}"
  retention_in_days = 90
  kms_key_id        = var.logs_kms_key_arn

  tags = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.create && var.create_waf ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}

resource "aws_shield_protection" "this" {
  for_each = var.create_shield ? local.balancers : toset([])

  name         = "${var.name}-${each.key}"
  resource_arn = aws_lb.this[each.key].arn

  tags = var.tags
}

resource "aws_shield_protection" "accelerator" {
  for_each = var.create_shield && var.create_accelerator ? local.balancers : toset([])

  name         = "${var.name}-${each.key}-accelerator"
  resource_arn = aws_globalaccelerator_accelerator.this[each.key].id

  tags = var.tags
}
