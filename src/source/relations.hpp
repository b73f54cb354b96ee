// Definitions with their types resolved. Plain values in, plain values out.
#pragma once

#include <optional>

#include "change/catalog.hpp"
#include "change/fragment.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "change/type_catalog.hpp"

namespace pulse::source {

// The definition as the stream gave it, its types resolved. Nothing when the catalog does not know
// a type yet: read the catalog again, and ask again.
std::optional<relation> resolve(const relation_definition& definition, const type_catalog& types);
// The same, types that are unknown taken as text of no known kind.
relation resolve_as_text(const relation_definition& definition, const type_catalog& types);

// What the stream would say of the table, told from the catalog: for streams that open before its
// first change.
relation relation_from_catalog(const catalog_table& table, const type_catalog& types);

// Whether UPDATEs and DELETEs of the table name a row: its replica identity has columns.
bool has_identity(const catalog_table& table);

// What filters on the table want to know beside its definition.
table_facts facts_from_catalog(const catalog_table& table, const catalog& known);

}  // namespace pulse::source
