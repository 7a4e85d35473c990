variable "create" {
  description = "Whether to create anything at all."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Prefix of every name: 2 to 28 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,27}$", var.name))
    error_message = "name: 2 to 28 lower-case letters, digits and dashes, a letter first."
  }
}

variable "vpc_id" {
  description = "VPC in which all of it is."
  type        = string

  validation {
    condition     = length(var.vpc_id) > 0
    error_message = "vpc_id: wanted."
  }
}

variable "domain_name" {
  description = "Domain below which everything is: api.<market>.<domain>, ws.<market>.<domain>, static.<domain>."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name: such as trade.example.com."
  }
}

variable "create_zone" {
  description = "Whether to make the hosted zone of the domain; otherwise zone_id names it."
  type        = bool
  default     = true
  nullable    = false
}

variable "zone_id" {
  description = "Hosted zone of the domain where create_zone is false."
  type        = string
  default     = null

  validation {
    condition     = var.create_zone || var.zone_id != null
    error_message = "zone_id: wanted, as create_zone is false."
  }
}

variable "public_subnet_ids" {
  description = "Public subnets of the load balancers, in two zones at least."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_ids) >= 2
    error_message = "public_subnet_ids: a load balancer wants two zones."
  }
}

variable "load_balancers" {
  description = "Names of the load balancers, one per market or one for all."
  type        = list(string)
  default     = ["futures", "spot"]
  nullable    = false

  validation {
    condition     = length(var.load_balancers) >= 1 && alltrue([for name in var.load_balancers : can(regex("^[a-z][a-z0-9-]{0,11}$", name))])
    error_message = "load_balancers: one at least; names of up to 12 lower-case letters, digits and dashes."
  }
}

variable "services" {
  description = "Services behind each load balancer: port on the nodes, and the path of the health check. The first by name takes what no host name matches."
  type        = map(object({ port = number, health_path = string }))
  default = {
    api = { port = 7999, health_path = "/health" }
    ws  = { port = 8080, health_path = "/health" }
  }
  nullable = false

  validation {
    condition     = length(var.services) >= 1 && alltrue([for name, service in var.services : can(regex("^[a-z][a-z0-9-]{0,7}$", name)) && service.port >= 1024 && service.port <= 65535])
    error_message = "services: short names, ports from 1024 to 65535."
  }
}

variable "tls_policy" {
  description = "TLS policy of the listeners; the default admits 1.3 only."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-3-2021-06"
  nullable    = false

  validation {
    condition     = startswith(var.tls_policy, "ELBSecurityPolicy-TLS13-")
    error_message = "tls_policy: one of ELBSecurityPolicy-TLS13-*."
  }
}

variable "logs_bucket" {
  description = "Bucket of the access logs."
  type        = string

  validation {
    condition     = length(var.logs_bucket) > 0
    error_message = "logs_bucket: wanted."
  }
}

variable "logs_kms_key_arn" {
  description = "Key of the web ACL's log group, or null for CloudWatch's own."
  type        = string
  default     = null

  validation {
    condition     = var.logs_kms_key_arn == null ? true : length(var.logs_kms_key_arn) > 0
    error_message = "logs_kms_key_arn: an ARN, or null."
  }
}

variable "create_waf" {
  description = "Whether a web ACL guards the load balancers."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf_rate_per_minute" {
  description = "Requests a minute that one address may make, 10 to 2,000,000,000. Beyond, it is blocked until the rate falls."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.waf_rate_per_minute >= 10 && var.waf_rate_per_minute <= 2000000000
    error_message = "waf_rate_per_minute: 10 to 2000000000."
  }
}

variable "waf_blocked_countries" {
  description = "Countries (ISO 3166) whose requests are blocked. Which these have to be is for your lawyers to say."
  type        = list(string)
  default     = ["CU", "IR", "KP", "SY"]
  nullable    = false

  validation {
    condition     = alltrue([for country in var.waf_blocked_countries : can(regex("^[A-Z]{2}$", country))]) && length(var.waf_blocked_countries) >= 1
    error_message = "waf_blocked_countries: one code of two capitals at least."
  }
}

variable "create_shield" {
  description = "Whether Shield Advanced protects the load balancers (and the accelerator). Wants the account's subscription, which is for a year."
  type        = bool
  default     = false
  nullable    = false
}

variable "create_accelerator" {
  description = "Whether Global Accelerator brings clients to AWS's network near them."
  type        = bool
  default     = false
  nullable    = false
}

variable "create_cdn" {
  description = "Whether CloudFront serves the static assets."
  type        = bool
  default     = true
  nullable    = false
}

variable "static_bucket" {
  description = "Bucket of the static assets: id, ARN and regional domain name. Null without create_cdn."
  type        = object({ id = string, arn = string, domain_name = string })
  default     = null

  validation {
    condition     = !var.create_cdn || var.static_bucket != null
    error_message = "static_bucket: wanted, as create_cdn is true."
  }
}

variable "static_max_age_s" {
  description = "Seconds for which browsers may keep a static asset."
  type        = number
  default     = 31536000
  nullable    = false

  validation {
    condition     = var.static_max_age_s >= 0 && var.static_max_age_s <= 31536000
    error_message = "static_max_age_s: 0 to 31536000."
  }
}

variable "create_records" {
  description = "Whether to make the records of clients and of the certificate, and the health checks. A second region leaves them to the first: the proof of a certificate is the same in both."
  type        = bool
  default     = true
  nullable    = false
}

variable "failover_addresses" {
  description = "Host name and hosted zone of the second region's load balancer, by load balancer. DNS moves there when the health check fails."
  type        = map(object({ dns_name = string, zone_id = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.failover_addresses) : contains(var.load_balancers, name)])
    error_message = "failover_addresses: of load balancers that there are."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancers."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 40
    error_message = "tags: at most 40, AWS takes 50 and the module adds its own."
  }
}
