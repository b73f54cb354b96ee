// Facts of a Prisma schema that the client extension's headers lack.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "requests/model.hpp"

namespace pulse::requests {

// Enums whose values are `@map`ped, and the schemas of models (Prisma's documentation, "Prisma
// schema reference": enum, @map, @@schema). Ignores everything else in the text. Immutable.
class prisma_schema {
 public:
  // errc::invalid_argument: a block or a text that does not end, with its line.
  static result<prisma_schema> parse(std::string_view text);

  // Gives the model's enum fields their labels, and the model its schema where it has none.
  void complete(model& wanted) const;

 private:
  std::map<std::string, std::shared_ptr<const enum_labels>, std::less<>> enums_;
  std::map<std::string, std::string, std::less<>> model_schemas_;
};

}  // namespace pulse::requests
