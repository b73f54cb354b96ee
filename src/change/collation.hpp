// How a database compares and lowers text: one row of pg_collation, or the database's own rules.
#pragma once

#include <cstdint>
#include <string>

namespace pulse {

// The letters of pg_collation.collprovider (PostgreSQL manual, section 53.12).
enum class collation_provider : char { libc = 'c', icu = 'i', builtin = 'b' };

struct collation {
  std::uint32_t oid = 0;
  std::string name;  // for people: "de-x-icu", "en_US.UTF-8"
  collation_provider provider = collation_provider::libc;
  std::string collate;  // libc: LC_COLLATE; others: the provider's locale
  std::string ctype;    // libc: LC_CTYPE; others: the provider's locale
  std::string rules;    // ICU tailoring rules (PostgreSQL 16 and later)
  std::string version;  // of the provider's rules, as the server noted it; may be empty
  bool deterministic = true;

  bool operator==(const collation&) const = default;
};

// pg_collation's row that stands for the database's own rules.
inline constexpr std::uint32_t default_collation_oid = 100;

}  // namespace pulse
