// Events for every language: the JSON of docs/native_events.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "change/event.hpp"
#include "change/relation.hpp"
#include "rendering/event_renderer.hpp"

namespace pulse::rendering {

// Renders events of one relation version with all its columns. Immutable; any thread.
class native_renderer final : public event_renderer {
 public:
  explicit native_renderer(std::shared_ptr<const relation> definition);

  // {"action":…,"id":…,"schema":…,"table":…,"commit_lsn":…,"lsn":…,"committed_at":…,
  //  "before":{…}|null,"before_kind":"none"|"key"|"full","after":{…}|null}, and behind these, each
  // only when it names a column: "unchanged":[…], and by row "unrendered" and "json_null".
  void render(const event_view& event, std::string& to) const override;

 private:
  // Names of columns of which something must be said, as JSON arrays without their end.
  struct remarks {
    std::string unchanged;
    std::string unrendered;
    std::string json_null;
  };

  void render_row(tuple_view row, tuple_view fallback, bool key_only, std::string& to,
                  remarks& said) const;
  void render_value(std::size_t number, const column_value& value, std::string& to,
                    remarks& said) const;

  std::shared_ptr<const relation> definition_;
  std::string table_;              // `,"schema":…,"table":…` ready to copy
  std::vector<std::string> keys_;  // `"name":` by column, ready to copy
};

}  // namespace pulse::rendering
