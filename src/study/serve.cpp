#include "study/serve.h"

#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <thread>

#include "exec/crew.h"
#include "study/point.h"

namespace meso {
namespace {

constexpr std::uint64_t of_none = std::numeric_limits<std::uint64_t>::max();

class Server {
 public:
  Server(Ranks& ranks, const ModelSource& models, const std::function<void()>& poll) : ranks_(ranks), models_(models), poll_(poll) {}

  void run() {
    bool told = false;  // rank 0, that this process was asked to stop
    while (true) {
      bool news = false;
      try {
        if (!told) poll_();
        deliver();
        if (auto order = hear(ranks_)) {
          news = true;
          if (order->word == Word::end) return;
          obey(*order);
        }
      } catch (const Released&) {
        stopped();
      } catch (const Cancelled&) {
        told = true;
        failed(of_none, std::current_exception());
      } catch (...) {
        failed(of_none, std::current_exception());
      }
      if (!news) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  void obey(Heard& order) {
    switch (order.word) {
      case Word::study: {
        std::string text;
        order.in.get(text);
        runner_ = std::make_unique<PointRunner>(resolved(read_study(parse_toml(text, "the study of rank 0"), models_)));
        threads_ = order.in.get<unsigned>();
        keep_every_ = order.in.get<double>();
        return;
      }
      case Word::level: {
        const PointJob job = get_job(order.in);
        const auto request = static_cast<std::size_t>(order.in.get<std::uint64_t>());
        PointSetting setting;
        setting.threads = threads_;
        setting.ranks = &ranks_;
        setting.report = [&](double, const std::string&) { poll_(); };
        runner().help(job, request, order.in.get<std::uint64_t>(), setting);
        return;
      }
      case Word::point: {
        const auto p = order.in.get<std::uint64_t>();
        Task task;
        task.job = get_job(order.in);
        order.in.get(task.kept);
        const bool sampled = any_sampled(runner(), task.job);
        {
          const std::lock_guard lock(mutex_);
          tasks_[p] = std::move(task);
        }
        if (!crew_) {
          stop_ = false;
          point_threads_ = sampled ? threads_ : 1;
          keeps_ = sampled && keep_every_ >= 0;
          crew_ = std::make_unique<Crew<std::string>>(sampled ? 1 : threads_, [this](std::uint64_t id) { return computed(id); });
        }
        crew_->add(p);
        return;
      }
      case Word::stop: throw Released();
      default: return;  // what was on its way when this rank failed: rank 0 will say `stop`
    }
  }

  struct Task {
    PointJob job;
    std::string kept;
  };

  PointRunner& runner() const {
    if (!runner_) throw Error("no study has come from rank 0");
    return *runner_;
  }

  static bool any_sampled(const PointRunner& runner, const PointJob& job) {
    const Case bound = runner.bound(job);
    for (const LevelRequest& request : runner.requests())
      if (bound.level(request.level).info.sampled) return true;
    return false;
  }

  /// A whole point, by a thread of the crew: its outcome.
  std::string computed(std::uint64_t p) {
    Task task;
    {
      const std::lock_guard lock(mutex_);
      task = std::move(tasks_[p]);
      tasks_.erase(p);
    }
    PointSetting setting;
    setting.threads = point_threads_;
    setting.keep_every = keep_every_;
    setting.kept = std::move(task.kept);
    setting.report = [this](double, const std::string&) {
      if (stop_) throw Cancelled();
    };
    if (keeps_)
      setting.keep = [this, p](const std::string& bytes) {
        const std::lock_guard lock(mutex_);
        kept_[p] = bytes;
      };
    return runner_->finished(runner_->run(task.job, setting));
  }

  /// Sends what the crew has finished or wants to have kept.
  void deliver() {
    if (!crew_) return;
    send_kept();
    send_done(crew_->take(std::chrono::milliseconds(0)));
  }
  void send_kept() {
    std::map<std::uint64_t, std::string> kept;
    {
      const std::lock_guard lock(mutex_);
      kept = std::exchange(kept_, {});
    }
    for (const auto& [p, bytes] : kept) send(Word::kept, p, bytes);
  }
  void send_done(const std::vector<Crew<std::string>::Done>& all) {
    for (const auto& done : all) {
      if (done.result) send(Word::point_done, done.job, *done.result);
      else failed(done.job, done.error);
    }
  }
  void send(Word word, std::uint64_t p, const std::string& bytes) {
    ArchiveWriter answer = say(word);
    answer.put(p);
    answer.put(bytes);
    ranks_.send(0, answer.sealed());
  }

  void failed(std::uint64_t id, const std::exception_ptr& error) {
    ArchiveWriter answer = say(Word::failed);
    answer.put(id);
    save_failure(answer, error);
    ranks_.send(0, answer.sealed());
  }

  void stopped() {
    stop_ = true;
    if (crew_) {
      for (const auto& done : crew_->dismiss())
        if (done.result) send(Word::kept, done.job, *done.result);  // finished just now: nothing of it is lost
      send_kept();
      crew_.reset();
    }
    ranks_.send(0, say(Word::stopped).sealed());
  }

  Ranks& ranks_;
  const ModelSource& models_;
  const std::function<void()>& poll_;
  std::unique_ptr<PointRunner> runner_;
  unsigned threads_ = 1, point_threads_ = 1;
  double keep_every_ = -1;
  bool keeps_ = false;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::map<std::uint64_t, Task> tasks_;         // given to the crew
  std::map<std::uint64_t, std::string> kept_;   // the newest checkpoint of each point
  std::unique_ptr<Crew<std::string>> crew_;     // the last: it is gone before what it uses
};

}  // namespace

void serve(Ranks& ranks, const ModelSource& models, const std::function<void()>& poll) { Server(ranks, models, poll).run(); }

}  // namespace meso
