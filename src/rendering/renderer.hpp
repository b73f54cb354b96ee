// Events for the client extension: the JSON of docs/wire_protocol.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "change/event.hpp"
#include "change/relation.hpp"
#include "rendering/event_renderer.hpp"
#include "requests/model.hpp"

namespace pulse::rendering {

// Renders events of one relation version for one model. Immutable; any thread.
class renderer final : public event_renderer {
 public:
  renderer(const requests::model& wanted, std::shared_ptr<const relation> definition);

  // Appends one JSON object: {"action":…,"id":…,"modelName":…,"created":{…}} and so on. Keys are
  // Prisma field names in the model's order; only fields of the model; values by PostgreSQL's type,
  // tagged ({"$type":…,"value":…}) for BigInt, Decimal, DateTime, Bytes and Json. `before` is null
  // unless the old row is full; `deleted` has the identity's fields only, unless it is full.
  // Unchanged TOAST is filled from a full old row, else left out and named in "unchanged". A value
  // that is not what its type promises is rendered as its text, in a list the element that is not,
  // and its field named in "unrendered".
  void render(const event_view& event, std::string& to) const override;

 private:
  struct field_plan {
    std::string key;  // `"name":` ready to copy
    std::string name;
    std::size_t column = 0;
    column_type type;
    std::shared_ptr<const requests::enum_labels>
        labels;  // of an enum whose labels have other names
    bool in_identity = false;
  };
  enum class row_columns { all, identity };

  void render_row(tuple_view row, tuple_view fallback, row_columns which, std::string& to,
                  std::string& unchanged, std::string& unrendered) const;

  // False: not what its type promises; `to` has the text, or a list with elements that are texts.
  static bool append_field(std::string& to, const field_plan& field, std::string_view text);

  std::string model_name_;  // as a JSON string
  std::vector<field_plan> fields_;
  std::shared_ptr<const relation> definition_;
};

}  // namespace pulse::rendering
