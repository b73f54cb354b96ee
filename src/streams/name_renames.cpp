#include "streams/name_renames.hpp"

#include <cassert>
#include <string>
#include <utility>

namespace pulse::streams {
namespace {

std::vector<cursor_key> names_of(const cursor_book& book, const table_name& table) {
  std::vector<cursor_key> keys;
  const auto& names = book.names();
  for (auto at = names.lower_bound({table, ""}); at != names.end() && at->first.table == table;
       ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

// What a name leaves behind where another table has its table's name now.
name_state copy_of(const name_state& name) {
  name_state copy;
  copy.key = name.key;
  copy.cursor = name.reached();
  copy.saved = name.saved;
  copy.overtaken = name.overtaken;
  copy.abandoned = name.abandoned;
  copy.used_at = name.used_at;
  return copy;
}

}  // namespace

followed_names follow_renames(cursor_book& book, const std::vector<table_rename>& renamed) {
  followed_names followed;
  const auto move = [&](const cursor_key& from, const cursor_key& to) {
    if (auto replaced = book.rename(from, to)) followed.replaced.push_back(std::move(replaced));
  };
  // Two names may be swapped: all leave their old tables before one arrives.
  std::vector<std::pair<cursor_key, cursor_key>> moves;
  std::vector<name_state> copies;
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    const auto& [from, to, taken] = renamed[i];
    for (const auto& key : names_of(book, from)) {
      // No table of a database has an empty name.
      const cursor_key between{{std::to_string(i), ""}, key.name};
      // One whose position is not known yet has its copy in the store only.
      const auto name = book.find(key);
      if (taken && !name->opening) copies.push_back(copy_of(*name));
      move(key, between);
      moves.emplace_back(between, cursor_key{to, key.name});
    }
  }
  for (const auto& [between, to] : moves) {
    move(between, to);
    const auto name = book.find(to);
    assert(name != nullptr);
    book.find_table(*name);
  }
  for (auto& copy : copies) {
    if (book.find(copy.key)) continue;
    auto& name = book.add(std::move(copy));
    book.find_table(name);
    book.note(name);
    followed.copied.push_back(book.find(name.key));
  }
  return followed;
}

}  // namespace pulse::streams
