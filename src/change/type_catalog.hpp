// The database's types: what the replication stream's type OIDs stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "change/relation.hpp"

namespace pulse {

// An attribute of a composite type (PostgreSQL manual, section 53.7).
struct type_attribute {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t type_modifier = -1;

  bool operator==(const type_attribute&) const = default;
};

// One row of pg_type, as far as it matters here (PostgreSQL manual, section 53.64).
struct type_entry {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  char kind =
      'b';  // typtype: b(ase), c(omposite), d(omain), e(num), p(seudo), r(ange), m(ultirange)
  std::uint32_t element_oid =
      0;  // typelem of a true array (typsubscript = array_subscript_handler), else 0
  std::uint32_t base_oid = 0;            // typbasetype of a domain, else 0
  std::int32_t base_modifier = -1;       // typtypmod of a domain; of money see column_type
  char delimiter = ',';                  // typdelim
  std::vector<std::string> labels = {};  // of an enum, in the enum's order
  std::uint32_t range_subtype_oid = 0;   // rngsubtype of a range and of its multirange, else 0
  std::vector<type_attribute> attributes = {};  // of a composite that a column may have
  // From where on in the WAL it surely has these attributes: it had others when it was read before.
  // Zero: they are the only ones that are known.
  lsn since = {};

  bool operator==(const type_entry&) const = default;
};

// What columns' types consist of, all that is in them: a composite of two attributes of one type
// which is such a composite again, twenty levels deep, has a million parts. A composite that would
// have more is not taken apart: its value is text (value_kind::other).
inline constexpr std::size_t type_parts_max = 1000;          // of one column
inline constexpr std::size_t table_type_parts_max = 20'000;  // of all of a table

// Types by OID. A plain value; built-in types are known without a database (their OIDs are fixed).
class type_catalog {
 public:
  // Adds the entry or puts it in its predecessor's place.
  void put(type_entry entry);
  void remove(std::uint32_t oid) { entries_.erase(oid); }
  const type_entry* find(std::uint32_t oid) const;
  const std::map<std::uint32_t, type_entry>& entries() const { return entries_; }

  // Follows domains, arrays, composites and ranges to what the text form is. Nothing when an OID is
  // not known: the catalog is older than the type, and whoever reads the database must look again.
  std::optional<column_type> resolve(std::uint32_t oid, std::int32_t modifier) const;
  // As one of several that may have `parts_left` in all, of which it takes what it needs.
  std::optional<column_type> resolve(std::uint32_t oid, std::int32_t modifier,
                                     std::size_t& parts_left) const;

  // What a type is in the end, domains and lists taken away: its labels if it is an enum, its name.
  // Null: not known here; built-in types are when they were put in.
  const type_entry* base_of(std::uint32_t oid) const;

 private:
  struct taking_apart;
  std::optional<column_type> resolve(std::uint32_t oid, std::int32_t modifier, int depth,
                                     taking_apart& how) const;
  std::optional<column_type> resolve_inner(column_type outer, const type_entry& entry, int depth,
                                           taking_apart& how) const;

  std::map<std::uint32_t, type_entry> entries_;
};

}  // namespace pulse
