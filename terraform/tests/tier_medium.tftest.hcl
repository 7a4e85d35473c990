# The tier "medium", planned whole: each row of what is planned against the row that is required.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "secondary"
  source = "./tests/mocks"
}

run "expected" {
  module {
    source = "./tests/expected"
  }
}

run "rows" {
  command = plan

  variables {
    tier          = "medium"
    bucket_prefix = "acme-vesta"
    domain_name   = "trade.example.com"
    release       = { bucket = "acme-releases", key = "vesta.tar.gz", sha256 = sha256("") }
  }

  assert {
    condition = alltrue([for row, want in run.expected.tiers["medium"] : try(jsonencode(output.inventory[row]) == jsonencode(want), false)])
    error_message = join("\n", [for row, want in run.expected.tiers["medium"] :
      "${row}: planned ${try(jsonencode(output.inventory[row]), "nothing")}, required ${jsonencode(want)}"
      if try(jsonencode(output.inventory[row]) != jsonencode(want), true)
    ])
  }

  assert {
    condition     = length(setsubtract(keys(output.inventory), keys(run.expected.tiers["medium"]))) == 0
    error_message = "Rows that nothing is required of: ${join(", ", setsubtract(keys(output.inventory), keys(run.expected.tiers["medium"])))}"
  }
}
