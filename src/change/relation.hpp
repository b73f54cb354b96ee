// Tables as their changes need them: names, columns and resolved types.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pulse {

// What a column's text form is, as far as rendering and comparing it go. Domains count as their
// base type.
enum class value_kind : std::uint8_t {
  boolean,
  int2,
  int4,
  int8,
  oid,
  float4,
  float8,
  numeric,
  money,
  text,  // text, varchar, char(n), name, uuid, xml, inet, cidr, bit, varbit: rendered as it stands
  bytea,
  json,
  jsonb,
  date,
  time,
  timetz,
  timestamp,
  timestamptz,
  enumeration,
  other,  // everything else: rendered as its text, and marked
};

std::string_view to_string(value_kind kind) noexcept;

struct column_type {
  std::uint32_t oid = 0;
  std::int32_t modifier = -1;           // atttypmod
  std::string name;                     // as the catalog has it: "int4", "my_enum"; for people
  value_kind kind = value_kind::other;  // of the element, when it is a list
  bool is_list = false;
  char delimiter = ',';  // between a list's elements

  bool operator==(const column_type&) const = default;
};

struct column {
  std::string name;
  column_type type;
  bool in_identity = false;  // part of the replica identity

  bool operator==(const column&) const = default;
};

// How much of the old row an UPDATE or DELETE carries (PostgreSQL manual, section 31.1).
enum class replica_identity : char { primary_key = 'd', nothing = 'n', full = 'f', index = 'i' };

struct table_name {
  std::string schema;
  std::string name;

  auto operator<=>(const table_name&) const = default;
};

// "schema.name", for people; never for SQL.
std::string to_string(const table_name& table);

// A table at one moment of its history. Its columns are those that are replicated, in the order of
// the tuples.
struct relation {
  std::uint32_t oid = 0;
  table_name table;
  replica_identity identity = replica_identity::primary_key;
  std::vector<column> columns;

  bool operator==(const relation&) const = default;
};

}  // namespace pulse
