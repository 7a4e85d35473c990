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

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr: an IPv4 network such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Availability zones, 1 to 3. The first is the one of the hot path; databases and load balancers want two."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 1 && length(var.zones) <= 3 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones: one to three different availability zones."
  }
}

variable "public_subnets" {
  description = "Networks of the public subnets (load balancers, NAT), one per zone."
  type        = list(string)
  default     = ["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"]
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.public_subnets : can(cidrnetmask(cidr))])
    error_message = "public_subnets: IPv4 networks."
  }
}

variable "private_subnets" {
  description = "Networks of the private subnets (cluster nodes, engines), one per zone."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.private_subnets : can(cidrnetmask(cidr))])
    error_message = "private_subnets: IPv4 networks."
  }
}

variable "database_subnets" {
  description = "Networks of the database subnets (no way to or from the internet), one per zone."
  type        = list(string)
  default     = ["10.0.11.0/24", "10.0.12.0/24", "10.0.13.0/24"]
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.database_subnets : can(cidrnetmask(cidr))])
    error_message = "database_subnets: IPv4 networks."
  }
}

variable "nat_gateway_count" {
  description = "NAT gateways, 0 to one per zone. With fewer than zones, zones share one, and its loss cuts them off the internet too."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.nat_gateway_count >= 0 && var.nat_gateway_count <= 3 && floor(var.nat_gateway_count) == var.nat_gateway_count
    error_message = "nat_gateway_count: 0 to 3."
  }
}

variable "create_endpoints" {
  description = "Whether to create the gateway endpoints of S3 and DynamoDB, which keep that traffic off NAT."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_flow_logs" {
  description = "Whether to write flow logs; wants flow_logs_bucket_arn."
  type        = bool
  default     = true
  nullable    = false
}

variable "flow_logs_bucket_arn" {
  description = "ARN of the bucket that flow logs go to, or null where create_flow_logs is false."
  type        = string
  default     = null

  validation {
    condition     = !var.create || !var.create_flow_logs || var.flow_logs_bucket_arn != null
    error_message = "flow_logs_bucket_arn: wanted, as create_flow_logs is true."
  }
}

variable "create_database_subnet_group" {
  description = "Whether to make the subnet group of databases; with one zone there is none, as RDS wants two."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_cache_subnet_group" {
  description = "Whether to make the subnet group of caches."
  type        = bool
  default     = true
  nullable    = false
}

variable "cluster_names" {
  description = "Names of the EKS clusters whose load balancers may use the subnets."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.cluster_names : can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", name))])
    error_message = "cluster_names: names of EKS clusters."
  }
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
