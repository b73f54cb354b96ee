#include "change/type_catalog.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pulse {
namespace {

struct builtin_type {
  std::uint32_t oid;
  std::uint32_t array_oid;
  const char* name;
  value_kind kind;
};

// From PostgreSQL's pg_type.dat: OIDs below 10000 never change.
constexpr std::array builtin_types{
    builtin_type{16, 1000, "bool", value_kind::boolean},
    builtin_type{17, 1001, "bytea", value_kind::bytea},
    builtin_type{18, 1002, "char", value_kind::text},
    builtin_type{19, 1003, "name", value_kind::text},
    builtin_type{20, 1016, "int8", value_kind::int8},
    builtin_type{21, 1005, "int2", value_kind::int2},
    builtin_type{23, 1007, "int4", value_kind::int4},
    builtin_type{25, 1009, "text", value_kind::text},
    builtin_type{26, 1028, "oid", value_kind::oid},
    builtin_type{114, 199, "json", value_kind::json},
    builtin_type{142, 143, "xml", value_kind::text},
    builtin_type{650, 651, "cidr", value_kind::text},
    builtin_type{700, 1021, "float4", value_kind::float4},
    builtin_type{701, 1022, "float8", value_kind::float8},
    builtin_type{790, 791, "money", value_kind::money},
    builtin_type{829, 1040, "macaddr", value_kind::plain},
    builtin_type{869, 1041, "inet", value_kind::text},
    builtin_type{1042, 1014, "bpchar", value_kind::text},
    builtin_type{1043, 1015, "varchar", value_kind::text},
    builtin_type{1082, 1182, "date", value_kind::date},
    builtin_type{1083, 1183, "time", value_kind::time},
    builtin_type{1114, 1115, "timestamp", value_kind::timestamp},
    builtin_type{1184, 1185, "timestamptz", value_kind::timestamptz},
    builtin_type{1266, 1270, "timetz", value_kind::timetz},
    builtin_type{1560, 1561, "bit", value_kind::text},
    builtin_type{1562, 1563, "varbit", value_kind::text},
    builtin_type{1700, 1231, "numeric", value_kind::numeric},
    builtin_type{2950, 2951, "uuid", value_kind::text},
    builtin_type{3802, 3807, "jsonb", value_kind::jsonb},
};

constexpr std::uint32_t money_oid = 790;

// OIDs below are PostgreSQL's own, in every database (FirstNormalObjectId in its transam.h).
constexpr std::uint32_t first_user_oid = 16384;

// A domain over a composite of a range of … : the catalog allows no cycles, a damaged one might.
constexpr int depth_max = 64;

const builtin_type* find_builtin(std::uint32_t oid) {
  const auto* found = std::ranges::find_if(
      builtin_types, [&](const auto& known) { return known.oid == oid || known.array_oid == oid; });
  return found == builtin_types.end() ? nullptr : found;
}

value_kind kind_of_text(const type_entry& entry) {
  if (entry.kind == 'e') return value_kind::enumeration;
  if (entry.oid < first_user_oid) return value_kind::plain;
  // The extension types with a form of their own: citext is text to Prisma too.
  if (entry.name == "citext") return value_kind::text;
  if (entry.name == "hstore") return value_kind::hstore;
  return value_kind::other;
}

}  // namespace

void type_catalog::put(type_entry entry) {
  entries_.insert_or_assign(entry.oid, std::move(entry));
}

const type_entry* type_catalog::find(std::uint32_t oid) const {
  const auto found = entries_.find(oid);
  return found == entries_.end() ? nullptr : &found->second;
}

const type_entry* type_catalog::base_of(std::uint32_t oid) const {
  for (int depth = 0; depth < depth_max; ++depth) {
    const auto* entry = find(oid);
    if (entry == nullptr) return nullptr;
    if (entry->kind == 'd') {
      oid = entry->base_oid;
    } else if (entry->element_oid != 0) {
      oid = entry->element_oid;
    } else {
      return entry;
    }
  }
  return nullptr;
}

struct type_catalog::taking_apart {
  std::size_t parts_left = 0;
  bool composites = true;  // else they are text
  bool too_many = false;   // parts: nothing is resolved

  bool take() {
    too_many = too_many || parts_left == 0;
    if (!too_many) --parts_left;
    return !too_many;
  }
};

std::optional<column_type> type_catalog::resolve(std::uint32_t oid, std::int32_t modifier) const {
  auto parts_left = type_parts_max;
  return resolve(oid, modifier, parts_left);
}

std::optional<column_type> type_catalog::resolve(std::uint32_t oid, std::int32_t modifier,
                                                 std::size_t& parts_left) const {
  const auto most = std::min(type_parts_max, parts_left);
  taking_apart whole{most};
  auto resolved = resolve(oid, modifier, 0, whole);
  if (!whole.too_many) {
    parts_left -= most - whole.parts_left;
    return resolved;
  }
  // Lists and ranges have one part each, and no more than they are deep.
  taking_apart flat{depth_max, false};
  return resolve(oid, modifier, 0, flat);
}

std::optional<column_type> type_catalog::resolve(std::uint32_t oid, std::int32_t modifier,
                                                 int depth, taking_apart& how) const {
  column_type resolved;
  resolved.oid = oid;
  resolved.modifier = modifier;
  for (; depth < depth_max; ++depth) {
    const auto* known = find_builtin(oid);
    const auto* entry = find(oid);
    if (known == nullptr && entry == nullptr) return std::nullopt;
    if (resolved.name.empty()) resolved.name = known != nullptr ? known->name : entry->name;
    const bool is_array = known != nullptr ? known->array_oid == oid : entry->element_oid != 0;
    if (is_array && resolved.is_list) {
      auto element = resolve(oid, modifier, depth + 1, how);
      if (!element || !how.take()) return std::nullopt;
      resolved.kind = value_kind::list;
      resolved.parts.push_back({{}, std::move(*element)});
      return resolved;
    }
    if (known != nullptr) {
      resolved.is_list = resolved.is_list || is_array;
      resolved.kind = known->kind;
      if (known->kind == value_kind::money) {
        const auto* said = find(money_oid);
        resolved.modifier = said == nullptr ? -1 : said->base_modifier;
      }
      return resolved;
    }
    if (entry->kind == 'd') {
      oid = entry->base_oid;
      if (resolved.modifier < 0) resolved.modifier = entry->base_modifier;
    } else if (is_array) {
      resolved.is_list = true;
      oid = entry->element_oid;
      if (const auto* element = find(oid)) resolved.delimiter = element->delimiter;
    } else {
      return resolve_inner(std::move(resolved), *entry, depth, how);
    }
  }
  return std::nullopt;
}

// What neither an array nor a domain is: `outer` gets its kind and what it consists of.
std::optional<column_type> type_catalog::resolve_inner(column_type outer, const type_entry& entry,
                                                       int depth, taking_apart& how) const {
  if (entry.range_subtype_oid != 0) {
    auto bound = resolve(entry.range_subtype_oid, -1, depth + 1, how);
    if (!bound || !how.take()) return std::nullopt;
    outer.kind = entry.kind == 'm' ? value_kind::multirange : value_kind::range;
    outer.parts.push_back({{}, std::move(*bound)});
    return outer;
  }
  if (entry.kind == 'c' && !entry.attributes.empty() && how.composites) {
    outer.kind = value_kind::composite;
    for (const auto& attribute : entry.attributes) {
      if (!how.take()) return std::nullopt;
      auto type = resolve(attribute.type_oid, attribute.type_modifier, depth + 1, how);
      if (!type) return std::nullopt;
      outer.parts.push_back({attribute.name, std::move(*type)});
    }
    return outer;
  }
  outer.kind = kind_of_text(entry);
  return outer;
}

}  // namespace pulse
