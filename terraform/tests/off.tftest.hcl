# With `create = false` a module makes nothing. Data sources that only name the account may still be read.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "nothing" {
  command = plan

  module {
    source = "./tests/off"
  }

  assert {
    condition = alltrue(flatten([for name, outputs in output.outputs : [for key, value in outputs :
      value == null || try(length(value) == 0, false) || jsonencode(value) == "false" || can(regex("^[{]([a-z_\"]+:null,?)+[}]$", jsonencode(value)))
    ]]))
    error_message = join("\n", flatten([for name, outputs in output.outputs : [for key, value in outputs : "${name}.${key} = ${jsonencode(value)}"
      if !(value == null || try(length(value) == 0, false) || jsonencode(value) == "false" || can(regex("^[{]([a-z_\"]+:null,?)+[}]$", jsonencode(value))))
    ]]))
  }
}
