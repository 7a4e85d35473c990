variable "create" {
  description = "Whether to create anything. Off by default: multicast over a transit gateway is slower than unicast inside a placement group, is capped at 100 members per group, and costs by the attachment and by the GiB."
  type        = bool
  default     = false
  nullable    = false
}

variable "name" {
  description = "Prefix of every name: 2 to 40 lower-case letters, digits and dashes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,39}$", var.name))
    error_message = "name: 2 to 40 lower-case letters, digits and dashes, a letter first."
  }
}

variable "vpc_id" {
  description = "VPC whose subnets join the domain."
  type        = string

  validation {
    condition     = length(var.vpc_id) > 0
    error_message = "vpc_id: wanted."
  }
}

variable "subnet_ids" {
  description = "Subnets of publishers and readers, by a name that stays; one per zone for the attachment."
  type        = map(string)

  validation {
    condition     = length(var.subnet_ids) >= 1 && length(var.subnet_ids) <= 3
    error_message = "subnet_ids: one to three, one per zone."
  }
}

variable "security_group_ids" {
  description = "Security groups of publishers and readers, by a name that stays: they get the rules for IGMP and for the groups."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "publisher_cidr" {
  description = "Addresses from which datagrams to the groups may come: the VPC's."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.publisher_cidr))
    error_message = "publisher_cidr: an IPv4 network."
  }
}

variable "ports" {
  description = "UDP ports of the groups, the lowest and the highest, as [streams] of vesta.toml has them."
  type        = object({ from = number, to = number })
  default     = { from = 24020, to = 24041 }
  nullable    = false

  validation {
    condition     = var.ports.from >= 1024 && var.ports.to <= 65535 && var.ports.from <= var.ports.to
    error_message = "ports: 1024 to 65535, from at most to."
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
