# The requirements as they are written, row by row: common.json holds in every tier, and a tier's own file
# comes on top. Nothing here reads the table of tiers or a module.

locals {
  common = jsondecode(file("${path.module}/common.json"))
}

output "tiers" {
  description = "Expected rows by tier."
  value       = { for tier in ["dev", "low", "medium", "high"] : tier => merge(local.common, jsondecode(file("${path.module}/${tier}.json"))) }
}
