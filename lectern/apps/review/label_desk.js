// The cases of one tab, one after the other. All text is inserted as text: by {{ }}, `:label` and v-model.
// The browser has the next cases in advance, so the next one is shown at once after a verdict. A verdict is about the
// case that is on the screen when the key is pressed, whatever the server sends before it processes the verdict.
import {LongText, Problems, deciding} from "lectern-desk"

export default {
  mixins: [deciding],
  components: {LongText, Problems},
  template: `
    <div class="w-full flex flex-col gap-3">
      <problems :problems="problems" @again="again" @dropped="dropped" />
      <div v-if="view.problem" role="alert" class="wrap-anywhere">{{ view.problem }}</div>
      <div v-else-if="!view.total">{{ view.nothing }}</div>
      <template v-else>
        <div class="flex items-center w-full gap-4 flex-wrap">
          <span>{{ view.labelled }} of {{ view.total }} labelled</span>
          <q-linear-progress :value="view.labelled / view.total" class="w-40" style="width: 10rem" />
          <q-btn no-caps flat dense color="primary" label="Undo the last" title="u" :disable="!last.length"
            @click="take(() => act('u'))" />
        </div>
        <div v-if="!here && known">All cases are labelled. Rebuild compares the judge with these labels.</div>
        <div v-if="here" class="w-full flex flex-col gap-3" :data-here="here.id">
          <div class="text-sm opacity-80">{{ view.question }}</div>
          <div v-for="(message, n) in here.messages" :key="here.id + n">
            <div class="text-xs uppercase opacity-70">{{ message.role }}</div>
            <long-text :text="message.content" :whole="message.length" />
          </div>
          <q-expansion-item v-if="here.told.length" label="True answer and source" v-model="open" class="w-full">
            <template v-for="part in here.told" :key="part.role">
              <div class="text-xs uppercase opacity-70">{{ part.role }}</div>
              <long-text :text="part.content" :whole="part.length" />
            </template>
          </q-expansion-item>
          <div v-if="here.sides.length" class="w-full grid gap-4 grid-cols-1 md:grid-cols-2">
            <q-card v-for="side in here.sides" :key="here.id + side.role" class="w-full p-3">
              <div class="text-xs uppercase opacity-70">{{ side.role }}</div>
              <long-text :text="side.content" :whole="side.length" />
            </q-card>
          </div>
          <q-input dense label="Note (optional)" aria-label="Note (optional)" class="w-full" v-model="notes[here.id]" />
          <div class="flex gap-2 flex-wrap">
            <q-btn v-for="[verdict, told, keys] in view.verdicts" :key="verdict" no-caps color="primary" :label="told"
              :title="keys[0]" @click="take(() => judge(verdict))" />
            <q-btn no-caps flat color="primary" label="Skip" title="s" @click="take(() => act('s'))" />
          </div>
        </div>
      </template>
    </div>`,
  props: {view: Object},
  data() {
    return {
      set: this.view.set, // number of the set of cases that is shown
      order: this.view.cases, // the next cases that are not labelled; the first is on the screen
      last: [], // the labels of this tab, which can be undone
      notes: {},
      open: false,
    }
  },
  created() { this.repeating = [] },
  computed: {
    here() { return this.order[0] },
    keys() { return ["s", "u", ...this.view.verdicts.flatMap(([, , keys]) => keys)] },
    /** Whether the view of the server includes all acts of this tab. */
    known() { return this.view.ack >= this.sent },
  },
  watch: {
    view() { this.look() },
    notes: {deep: true, handler() { this.keep() }},
  },
  methods: {
    look() {
      const view = this.view
      if (view.set !== this.set) {
        if (!view.asked && this.here && this.notes[this.here.id]) return // a rebuild must not remove a note
        Object.assign(this, {set: view.set, order: view.cases, last: []})
      } else if (this.known) {
        this.order = view.cases
      }
      this.work()
    },
    ready() { return this.order.length > 0 || this.known },
    act(key) {
      const found = this.view.verdicts.find(([, , keys]) => keys.includes(key))
      if (found) this.judge(found[0])
      else if (key === "s") this.skip()
      else if (key === "u") this.undo()
    },
    judge(verdict) {
      const shown = this.order.shift()
      if (!shown) return
      const act = this.tell(shown, shown.seen, verdict, this.notes[shown.id] ?? "")
      this.last.push({shown, n: act.n})
      delete this.notes[shown.id]
      if (this.view.set !== this.set) this.look()
    },
    tell(shown, seen, verdict, note) {
      const told = this.view.verdicts.find(each => each[0] === verdict)?.[1] ?? verdict
      const mine = `${verdict ? "Your verdict: " + told : "You removed your verdict"}. ${shown.messages.at(-1).content.slice(0, 200)}`
      return this.send({id: shown.id, seen, decides: true, verdict, note, mine, shown}, true)
    },
    skip() {
      if (!this.here) return
      const shown = this.order.shift()
      this.send({id: shown.id, skip: true}, false)
    },
    undo() {
      const undone = this.last.pop()
      if (!undone) return
      this.tell(undone.shown, `act ${undone.n}`, null, "")
      this.order = [undone.shown, ...this.order]
    },
    notSaved(act) {
      this.last = this.last.filter(each => each.n !== act.n)
    },
    again(problem) {
      const {act, theirs} = problem
      problem.busy = true
      this.tell(act.shown, theirs ? theirs.seen : act.seen, act.verdict, act.note)
    },
    dropped(problem) {
      this.drop(problem)
      this.send({id: problem.act.id, skip: true}, false) // the case is shown again at the end
    },
    stored() { return {outbox: this.outbox, problems: this.problems, notes: this.notes} },
    restored(found) { this.notes = found.notes ?? {} },
  },
}
