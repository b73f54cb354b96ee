// Tables as their changes need them: names, columns and resolved types.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/mp11/list.hpp>

namespace pulse {

// What a column's text form is, as far as rendering and comparing it go. Domains count as their
// base type.
//
// Stored as numbers (docs/log_format.md): new ones go to the end. The compiler then names the
// places that have to know of them: no switch over kinds has a `default`.
BOOST_DEFINE_FIXED_ENUM_CLASS(
    value_kind, std::uint8_t,  //
    boolean, int2, int4, int8, oid, float4, float8, numeric, money,
    text,  // text, varchar, char(n), name, uuid, xml, inet, cidr, bit, varbit: as it stands
    bytea, json, jsonb, date, time, timetz, timestamp, timestamptz, enumeration,
    other,  // everything else: rendered as its text, and marked
    // The kinds below have no form for the client extension, where they count as `other`.
    plain,  // a built-in type whose native form is its text: interval, macaddr, point, tsvector …
    composite,   // `parts`: its attributes
    range,       // `parts`: the type of its bounds
    multirange,  // the same
    hstore,
    list)  // an element that is a list itself, by way of a domain over an array; `parts`: that list

inline constexpr std::size_t value_kind_count =
    boost::mp11::mp_size<boost::describe::describe_enumerators<value_kind>>::value;

std::string_view to_string(value_kind kind) noexcept;
// As it is stored; nothing: a newer version's.
std::optional<value_kind> value_kind_of(std::uint8_t number) noexcept;

struct type_part;

struct column_type {
  std::uint32_t oid = 0;
  std::int32_t modifier = -1;           // atttypmod; of money its decimals, or -1: two
  std::string name;                     // as the catalog has it: "int4", "my_enum"; for people
  value_kind kind = value_kind::other;  // of the element, when it is a list
  bool is_list = false;
  char delimiter = ',';          // between a list's elements
  std::vector<type_part> parts;  // what values of this kind consist of: see value_kind

  bool operator==(const column_type& other) const;
};

struct type_part {
  std::string name;  // of a composite's attribute, else empty
  column_type type;

  bool operator==(const type_part&) const = default;
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

// As SQL has it: "schema"."table", each quoted (identifier.hpp).
std::string quoted(const table_name& table);

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
