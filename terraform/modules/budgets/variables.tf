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

variable "limits_usd" {
  description = "What a month may cost in USD, by what it is for; a budget each."
  type        = map(number)

  validation {
    condition     = alltrue([for name, limit in var.limits_usd : limit > 0 && can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "limits_usd: names of lower-case letters, digits and dashes, amounts above 0."
  }
}

variable "cost_filters" {
  description = "Tag (\"Key$Value\") that a budget counts, by the budget's name; a budget without one counts all of the account."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for filter in var.cost_filters : can(regex("^[^$]+[$][^$]+$", filter))])
    error_message = "cost_filters: such as CostCenter$trading."
  }
}

variable "actual_percent" {
  description = "Percent of the limit that, once spent, is told."
  type        = list(number)
  default     = [80, 100]
  nullable    = false

  validation {
    condition     = alltrue([for percent in var.actual_percent : percent > 0 && percent <= 1000])
    error_message = "actual_percent: above 0."
  }
}

variable "topic_arn" {
  description = "Topic that is told."
  type        = string

  validation {
    condition     = length(var.topic_arn) > 0
    error_message = "topic_arn: wanted."
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
