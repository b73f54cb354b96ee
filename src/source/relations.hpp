// Definitions with their types resolved. Plain values in, plain values out.
#pragma once

#include <optional>

#include "change/catalog.hpp"
#include "change/fragment.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "change/type_catalog.hpp"

namespace pulse::source {

// Returns the stream's definition with its types resolved. Nothing if the catalog lacks a type:
// read the catalog again, then call this again.
std::optional<relation> resolve(const relation_definition& definition, const type_catalog& types);
// The same, with unknown types as text of unknown kind.
relation resolve_as_text(const relation_definition& definition, const type_catalog& types);

// Returns the definition that the stream would send of the table, from the catalog: for streams
// that open before its first change.
relation relation_from_catalog(const catalog_table& table, const type_catalog& types);

// Whether UPDATEs and DELETEs of the table name a row: its replica identity has columns.
bool has_identity(const catalog_table& table);

// Returns the facts that filters on the table need besides its definition.
table_facts facts_from_catalog(const catalog_table& table, const catalog& known);

}  // namespace pulse::source
