// The last known catalog as text, so that streams open while the database is down.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "change/catalog.hpp"

namespace pulse::control {

std::string to_json(const catalog& known);
// errc::corrupt: not what to_json made.
result<std::shared_ptr<const catalog>> catalog_from_json(std::string_view text);

// The same in pieces, so that unchanged ones need not be written again.
enum class catalog_piece { table, type, collation, database };
std::string piece_to_json(const catalog_table& table);
std::string piece_to_json(const type_entry& type);
std::string piece_to_json(const collation& rules);
// Encoding, database and publication.
std::string database_to_json(const catalog& known);
// Adds the piece; tables come in no order. errc::corrupt: it is none of the kind.
result<void> add_piece(catalog& to, catalog_piece kind, std::string_view text);

}  // namespace pulse::control
