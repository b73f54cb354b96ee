// Every filter operator, and the types whose fields have it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <boost/describe/enum.hpp>

#include "change/relation.hpp"

namespace pulse::filters {

// Types whose fields have the same operators. docs/filters.md has a row for each.
BOOST_DEFINE_ENUM_CLASS(type_family,
                        ordered,  // numbers, dates, times, uuid
                        text,
                        address,  // inet, cidr, bit, varbit: PostgreSQL has no ILIKE for them
                        xml,      // PostgreSQL has neither equality nor order for it
                        boolean,
                        unordered,  // bytea, enums, types that Prisma does not have
                        list, json)

type_family family_of(const column_type& type);

class family_set {
 public:
  constexpr family_set(std::initializer_list<type_family> families) {
    for (const auto one : families) bits_ |= bit(one);
  }
  constexpr bool has(type_family family) const { return (bits_ & bit(family)) != 0; }
  constexpr bool meets(family_set other) const { return (bits_ & other.bits_) != 0; }

 private:
  static constexpr std::uint32_t bit(type_family family) {
    return std::uint32_t{1} << static_cast<unsigned>(family);
  }

  std::uint32_t bits_ = 0;
};

struct filter_operator {
  std::string_view name;
  family_set families;
};

namespace families {
inline constexpr family_set equal{type_family::ordered, type_family::text, type_family::address,
                                  type_family::boolean, type_family::json, type_family::unordered};
inline constexpr family_set equal_or_list{
    type_family::ordered, type_family::text,      type_family::address, type_family::boolean,
    type_family::json,    type_family::unordered, type_family::list};
inline constexpr family_set one_of{type_family::ordered, type_family::text, type_family::address,
                                   type_family::unordered};
inline constexpr family_set in_order{type_family::ordered, type_family::text, type_family::address,
                                     type_family::json};
inline constexpr family_set pattern{type_family::text, type_family::address, type_family::xml};
inline constexpr family_set caseless{type_family::text, type_family::json};
inline constexpr family_set list{type_family::list};
inline constexpr family_set json{type_family::json};
inline constexpr family_set scalar{type_family::ordered, type_family::text,
                                   type_family::address, type_family::xml,
                                   type_family::boolean, type_family::unordered};
}  // namespace families

// A new one goes here and into the compiler of its families (scalar: filter_operators.cpp, lists:
// list_filter.cpp, Json: json_filter.cpp), which does not compile without it. Tests hold
// docs/filters.md, the fuzzer's dictionary and the random filters to this.
inline constexpr std::array filter_operators{
    filter_operator{"equals", families::equal_or_list},
    filter_operator{"in", families::one_of},
    filter_operator{"notIn", families::one_of},
    filter_operator{"lt", families::in_order},
    filter_operator{"lte", families::in_order},
    filter_operator{"gt", families::in_order},
    filter_operator{"gte", families::in_order},
    filter_operator{"not", families::equal},
    filter_operator{"contains", families::pattern},
    filter_operator{"startsWith", families::pattern},
    filter_operator{"endsWith", families::pattern},
    filter_operator{"mode", families::caseless},
    filter_operator{"has", families::list},
    filter_operator{"hasEvery", families::list},
    filter_operator{"hasSome", families::list},
    filter_operator{"isEmpty", families::list},
    filter_operator{"path", families::json},
    filter_operator{"string_contains", families::json},
    filter_operator{"string_starts_with", families::json},
    filter_operator{"string_ends_with", families::json},
    filter_operator{"array_contains", families::json},
    filter_operator{"array_starts_with", families::json},
    filter_operator{"array_ends_with", families::json},
};

// What holds filters of fields together, wherever a field's name may stand.
inline constexpr std::array<std::string_view, 3> combinators{"AND", "OR", "NOT"};

constexpr bool is_combinator(std::string_view name) {
  return std::ranges::find(combinators, name) != combinators.end();
}

// Whether fields of the family have an operator of this name.
constexpr bool takes(type_family family, std::string_view name) {
  const auto* found = std::ranges::find(filter_operators, name, &filter_operator::name);
  return found != filter_operators.end() && found->families.has(family);
}

// "equals, has and isEmpty".
std::string operator_names(type_family family);

// One operator's part of a compiler. `compile` is null where it is read apart, before the others.
template <class Compile>
struct compiled_operator {
  std::string_view name;
  Compile compile;
};

// Whether these are all operators that fields of any of the families have, and no others.
template <class Compile, std::size_t Count>
constexpr bool are_all_of(const std::array<compiled_operator<Compile>, Count>& compiled,
                          family_set families) {
  std::size_t wanted = 0;
  for (const auto& one : filter_operators) {
    if (!one.families.meets(families)) continue;
    ++wanted;
    if (std::ranges::find(compiled, one.name, &compiled_operator<Compile>::name) == compiled.end())
      return false;
  }
  return wanted == Count;
}

}  // namespace pulse::filters
