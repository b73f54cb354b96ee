// One request for a page, from its tables to its answer.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "change/position.hpp"
#include "server/events/page_answer.hpp"
#include "server/events/read_request.hpp"
#include "server/http/http_exchange.hpp"
#include "server/registry.hpp"
#include "streams/page_request.hpp"

namespace pulse::server {

// Looks for the tables and the place, reads the page, and answers. Lives as long as somebody has to
// call it back. On the delivery thread.
class page_reading : public std::enable_shared_from_this<page_reading> {
 public:
  // `held_bytes`: of memory that `wanted` takes, about.
  page_reading(std::shared_ptr<http_exchange> asked, read_request wanted, page_form form,
               std::size_t held_bytes);

  void begin();

 private:
  void resolve_tables(const std::shared_ptr<project_service>& of);
  void resolved(std::size_t number, result<resolved_table> table);
  void all_resolved();
  void find_end();
  void find_start();
  void start_found(const result<position>& at);
  void read(page_place from);
  void answer(streams::page_result page);
  void refuse_page(const streams::page_refusal& why);
  void refuse_expired(const error& why);

  // The project may have gone meanwhile, and another one may have come by its name.
  std::shared_ptr<project_service> still_there() const;
  // Answers what forbids to continue; true: there was something.
  bool is_over(const std::shared_ptr<project_service>& of);

  std::shared_ptr<http_exchange> asked_;
  read_request wanted_;
  page_form form_;
  std::size_t held_bytes_;
  std::weak_ptr<project_service> project_;
  std::vector<std::optional<resolved_table>> tables_;
  std::size_t unresolved_ = 0;
  std::optional<position> until_;  // the end of history, where the reader stops
  bool refused_ = false;
};

}  // namespace pulse::server
