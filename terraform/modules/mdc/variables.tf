variable "create" {
  description = "Whether to create anything at all."
  type        = bool
  default     = true
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

variable "publisher_security_group_ids" {
  description = "Security groups of the publishers' hosts, by a name that stays."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.publisher_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "publisher_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "reader_security_group_ids" {
  description = "Security groups of the readers' hosts, by a name that stays: cluster nodes with gateways and relays, standbys."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.reader_security_group_ids) : can(regex("^[a-z0-9_-]+$", name))])
    error_message = "reader_security_group_ids: names of lower-case letters, digits, dashes and underscores."
  }
}

variable "shards" {
  description = "Number of each shard and the address of the host that publishes its streams, by the shard's name."
  type        = map(object({ id = number, publisher_address = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for shard in var.shards : shard.id >= 1 && shard.id <= 4294967295])
    error_message = "shards: ids from 1 to 4294967295."
  }
}

variable "orders_port" {
  description = "UDP port at the publisher's host to which gateways send orders."
  type        = number
  default     = 24010
  nullable    = false

  validation {
    condition     = var.orders_port >= 1024 && var.orders_port <= 65535
    error_message = "orders_port: 1024 to 65535."
  }
}

variable "streams" {
  description = <<-EOT
    The fan-out streams of vesta.toml, by their name under [streams].
      control_port where readers sign up and send status messages, at the publisher
      reader_port  where a reader's host receives; fixed, so that a rule can name it
      flow_control "slowest" or "fastest"
  EOT
  type = map(object({
    control_port = number
    reader_port  = number
    flow_control = string
  }))
  default = {
    input_log   = { control_port = 24120, reader_port = 24220, flow_control = "slowest" }
    event_log   = { control_port = 24130, reader_port = 24230, flow_control = "slowest" }
    market_data = { control_port = 24140, reader_port = 24240, flow_control = "fastest" }
    snapshots   = { control_port = 24141, reader_port = 24241, flow_control = "fastest" }
  }
  nullable = false

  validation {
    condition     = alltrue([for stream in var.streams : stream.control_port >= 1024 && stream.control_port <= 65535 && stream.reader_port >= 1024 && stream.reader_port <= 65535])
    error_message = "streams: ports from 1024 to 65535."
  }

  validation {
    condition     = length(distinct(flatten([for stream in var.streams : [stream.control_port, stream.reader_port]]))) == 2 * length(var.streams)
    error_message = "streams: two share a port."
  }

  validation {
    condition     = alltrue([for stream in var.streams : contains(["slowest", "fastest"], stream.flow_control)])
    error_message = "streams: flow_control is slowest or fastest."
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
