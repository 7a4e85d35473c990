# Static assets: CloudFront in front of a bucket that nobody else may read.

locals {
  cdn = var.create && var.create_cdn
}

resource "aws_cloudfront_origin_access_control" "this" {
  count = local.cdn ? 1 : 0

  name                              = "${var.name}-static"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_cache_policy" "this" {
  count = local.cdn ? 1 : 0

  name        = "${var.name}-static"
  default_ttl = var.static_max_age_s
  max_ttl     = var.static_max_age_s
  min_ttl     = 0

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  count = local.cdn ? 1 : 0

  name = "${var.name}-static"

  custom_headers_config {
    items {
      header   = "Cache-Control"
      value    = "public, max-age=${var.static_max_age_s}, immutable"
      override = true
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
      preload                    = true
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  count = local.cdn ? 1 : 0

  enabled             = true
  is_ipv6_enabled     = true
  comment             = "Static assets of ${var.name}"
  default_root_object = "index.html"
  price_class         = "PriceClass_All"
  http_version        = "http2and3"
  aliases             = ["static.${var.domain_name}"]

  origin {
    origin_id                = "static"
    domain_name              = var.static_bucket.domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this[0].id
  }

  default_cache_behavior {
    target_origin_id           = "static"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    viewer_protocol_policy     = "redirect-to-https"
    cache_policy_id            = aws_cloudfront_cache_policy.this[0].id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this[0].id
  }

  restrictions {
    geo_restriction {
      restriction_type = "blacklist"
      locations        = var.waf_blocked_countries
    }
  }

  # CloudFront takes certificates of us-east-1 only: a primary region elsewhere wants one there.
  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.this[0].certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }

  tags = var.tags
}

resource "aws_s3_bucket_policy" "static" {
  count = local.cdn ? 1 : 0

  bucket = var.static_bucket.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [var.static_bucket.arn, "${var.static_bucket.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "CloudFront"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "s3:GetObject"
        Resource  = "${var.static_bucket.arn}/*"
        Condition = { StringEquals = { "AWS:SourceArn" = aws_cloudfront_distribution.this[0].arn } }
      },
    ]
  })
}

resource "aws_route53_record" "static" {
  count = local.cdn ? 1 : 0

  zone_id = local.zone_id
  name    = "static.${var.domain_name}"
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.this[0].domain_name
    zone_id                = aws_cloudfront_distribution.this[0].hosted_zone_id
    evaluate_target_health = false
  }
}
