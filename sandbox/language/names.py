"""The language of strategies as data: which names may be written, which are renamed, and hints.

The rule that everything rests on: **a name is a constant in the source, so it is judged when the
code is compiled.** An attribute that could reach files, memory, code or the interpreter's own
objects is never emitted. Names that users own (`_x`, or `self.data` where the strategy defines it)
are emitted with `PREFIX` in front, and no host object has a name that begins so: a user's state
works and a host's stays out of reach. What only shows at run time (text handed to `getattr`,
`str.format` templates, pandas' dispatch by name) goes through the hooks of
`sandbox.runtime.guards`.
"""

from __future__ import annotations

from sandbox.language.facade_names import MODULES, names

PREFIX = "_user_"

# The compiled code calls these; a user's name can never be one of them (it would be renamed).
HOOKS = frozenset(
    {
        "_read_",
        "_write_",
        "_main_",
        "_own_",
        "_type_",
        "_refuse_",
        "_name_of_",
        "_class_of_",
        "_init_of_",
        "_stop_first_",
        "_stops_",
    }
)

# Attributes of frames, code, generators, tracebacks and compiled (Cython) functions: refused
# wherever they appear.
INTERNALS = names(
    """
    ag_await ag_code ag_frame ag_running co_argcount co_cellvars co_code co_consts
    co_exceptiontable co_filename co_firstlineno co_flags co_freevars co_kwonlyargcount co_lines
    co_linetable co_lnotab co_name co_names co_nlocals co_positions co_posonlyargcount
    co_qualname co_stacksize co_varnames cr_await cr_code cr_frame cr_origin cr_running
    cr_suspended f_back f_builtins f_code f_generator f_globals f_lasti f_lineno f_locals
    f_trace f_trace_lines f_trace_opcodes func_closure func_code func_defaults func_dict
    func_globals gi_code gi_frame gi_running gi_suspended gi_yieldfrom tb_frame tb_lasti tb_next
    """
)

# Attributes of reachable objects that are never emitted. Where the strategy defines the name
# itself (`self.data = []`) it is renamed throughout the file; anywhere else it is refused.
FILES = names(
    """
    boxplot clear_cache dump dumps from_file hist info no_cache style to_clipboard to_csv
    to_excel to_feather to_hdf to_html to_iceberg to_json to_latex to_markdown to_orc to_parquet
    to_pickle to_sql to_stata to_string to_xarray to_xml tofile
    """
)

MEMORY = names(
    """
    acquire base baseclass bit_generator byteswap capsule cffi ctypes data data_as debug_print
    enable_external_loop flags from_codes from_indices getfield iternext itviews lock memoryview
    newbyteorder obj operands random_raw release remove_axis remove_multi_index resize seed_seq
    set_codes set_levels set_state setfield setflags setstate shape_as sp_index state_address
    strides strides_as to_device tofile toflex toreadonly torecords view
    """
)

CODE = names(
    """
    compile construct_array_type construct_from_string cores eval exchange exec from_arrow
    from_coo from_spmatrix kwds last_run numba online query register_dataframe_accessor strategy
    study ticker to_coo
    """
)

INTROSPECTION = names(
    """
    fdel fget fset func func_doc func_name generate_state mapping mro n_children_spawned pool
    register spawn with_traceback
    """
)

MODULE_LEVEL = names(
    """
    DataSource ExcelFile ExcelWriter ForwardRef HDFStore SystemRandom as_strided bltns builtins
    compat ctypes ctypeslib describe_option f2py frombuffer fromfile fromregex fromstring
    genfromtxt get_option get_type_hints importlib load loadtxt lookfor make_dataclass memmap
    modules new_class npyio option_context options os partialmethod pickle plotting popen
    read_clipboard read_csv read_excel read_feather read_fwf read_gbq read_hdf read_html
    read_iceberg read_json read_orc read_parquet read_pickle read_sas read_spss read_sql
    read_sql_query read_sql_table read_stata read_table read_xml reset_option save savetxt savez
    savez_compressed set_option set_printoptions setbufsize seterrcall show_config show_versions
    singledispatch singledispatchmethod subprocess sys system test testing update_wrapper
    """
)

DENIED = FILES | MEMORY | CODE | INTROSPECTION | MODULE_LEVEL

# Decided at run time: templates that read attributes, dispatch by text, the wall clock, `plot`,
# which is ours on a strategy and an importer of modules on a DataFrame, `at`, which looks up a cell
# of a DataFrame but as a method of a ufunc writes to read-only arrays (numpy 2.4), and what lends a
# dict behind a read-only view to whatever it is compared with: `fields` of a dtype (the offsets
# that numpy trusts), `metadata` of a dtype or of a data class's field, `groupindex` of a pattern.
GUARDED = names(
    """
    agg aggregate apply at fields format format_map groupindex metadata now pipe pivot_table plot
    ta today transform utcnow vformat
    """
)

# The public methods of named tuples begin with an underscore; read through the guard.
NAMEDTUPLE = names("_asdict _fields _make _replace")

FORBIDDEN = INTERNALS | DENIED | GUARDED

# Reductions that pandas may be given by name (agg, apply, transform, pivot_table, crosstab).
AGGREGATIONS = names(
    """
    abs all any bfill count cumcount cummax cummin cumprod cumsum describe diff ffill fillna
    first idxmax idxmin kurt last max mean median min nth nunique ohlc pct_change prod quantile
    rank sem shift size skew std sum var
    """
)

# Special methods that a class may define.
METHOD_DUNDERS = names(
    """
    __abs__ __add__ __and__ __bool__ __call__ __ceil__ __complex__ __contains__ __delitem__
    __divmod__ __enter__ __eq__ __exit__ __float__ __floor__ __floordiv__ __format__ __ge__
    __getitem__ __gt__ __hash__ __iadd__ __iand__ __ifloordiv__ __ilshift__ __imatmul__ __imod__
    __imul__ __index__ __init__ __int__ __invert__ __ior__ __ipow__ __irshift__ __isub__ __iter__
    __itruediv__ __ixor__ __le__ __len__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__
    __neg__ __next__ __or__ __pos__ __post_init__ __pow__ __radd__ __rand__ __rdivmod__ __repr__
    __reversed__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __round__
    __rpow__ __rrshift__ __rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __str__ __sub__
    __truediv__ __trunc__ __xor__
    """
)

# ... and that may be called as `super().__x__(...)`.
SUPER_DUNDERS = names(
    """
    __call__ __contains__ __enter__ __eq__ __exit__ __getitem__ __hash__ __iter__ __len__
    __post_init__ __repr__ __setitem__ __str__
    """
)

# Names that the interpreter itself writes into a class body, by version up to 3.14.
CLASS_BODY_DUNDERS = names(
    """
    __annotate__ __annotate_func__ __annotations__ __class__ __classcell__ __classdict__
    __classdictcell__ __conditional_annotations__ __doc__ __firstlineno__ __module__ __name__
    __qualname__ __static_attributes__ __type_params__
    """
)

BUILTINS = names(
    """
    Ellipsis NotImplemented abs all any ascii bin bool bytes callable chr classmethod complex
    delattr dict divmod enumerate filter float format frozenset getattr hasattr hash hex int
    isinstance issubclass iter len list map max min next object oct ord pow print property range
    repr reversed round set setattr slice sorted staticmethod str sum super tuple type zip
    """
)

EXCEPTIONS = names(
    """
    ArithmeticError AssertionError AttributeError DeprecationWarning Exception
    FloatingPointError FutureWarning ImportError IndexError KeyError LookupError
    ModuleNotFoundError NameError NotImplementedError OverflowError RecursionError RuntimeError
    RuntimeWarning StopIteration TimeoutError TypeError UnboundLocalError UnicodeError
    UserWarning ValueError Warning ZeroDivisionError
    """
)

BAR_FIELDS = names("timestamp timestamp_ms open high low close volume symbol")

BUILTIN_HINTS: dict[str, str | None] = {
    "eval": "write the expression in Python",
    "exec": "define a function instead",
    "compile": "define a function instead",
    "globals": "keep values in a dict of your own",
    "locals": "keep values in a dict of your own",
    "vars": "keep values in a dict of your own",
    "dir": "list the attributes that you need by name",
    "open": "strategies cannot read or write files; prices arrive in on_data and history(n)",
    "input": "use class constants as parameters",
    "__import__": "use an import statement",
    "id": 'compare with "is": addresses differ from run to run',
    "memoryview": "use lists or numpy arrays",
    "bytearray": "use lists or numpy arrays",
    "breakpoint": "use self.log(...)",
    "help": "remove this line",
    "exit": "return from on_data instead",
    "quit": "return from on_data instead",
    "BaseException": "use Exception",
    "SystemExit": "return from on_data instead",
    "KeyboardInterrupt": "use Exception",
    "GeneratorExit": "use try/finally",
    "BaseExceptionGroup": "use Exception",
    "ExceptionGroup": "use Exception",
    "MemoryError": "use Exception",
    "OSError": "strategies have no files, processes or network",
    "IOError": "strategies have no files, processes or network",
    "SystemError": "use Exception",
    "aiter": None,
    "anext": None,
}

# Special method that no strategy defines -> what to write instead.
METHOD_HINTS: dict[str, str] = {
    **dict.fromkeys(("__get__", "__set__", "__delete__", "__set_name__"), "use @property"),
    "__new__": "use __init__, or a function that makes the object",
    "__init_subclass__": "list the classes by name",
    "__getattr__": "write a method that takes the name",
    "__getattribute__": "write a method that takes the name",
    "__setattr__": "use @property with a setter",
    "__del__": "on_finish is called after the last bar",
}

# AST node -> what it is called, what to write instead.
NODE_HINTS: dict[str, tuple[str, str | None]] = {
    "AsyncFunctionDef": ("async functions", "use a plain def: on_data is called once per bar"),
    "Await": ("await", "call the function directly"),
    "AsyncFor": ("async for", "use a plain for"),
    "AsyncWith": ("async with", "use a plain with"),
    "TryStar": ("except*", "use except"),
    "TypeAlias": ("type statements", "assign the type to a name, or leave it out"),
    "TemplateStr": ("template strings", 'use an f-string: f"..."'),
    "Interpolation": ("template strings", 'use an f-string: f"..."'),
}

ATTRIBUTE_HINTS: dict[str, str] = {
    "__dict__": "name the attributes that you need; to set many: setattr(self, name, value)",
    "__doc__": "keep texts in a constant",
    "__mro__": "name the classes that you mean, or use isinstance(x, T)",
    "__bases__": "name the classes that you mean, or use issubclass(A, B)",
    "__qualname__": "use __name__",
    "__version__": "remove this line: the versions are the service's",
    "__cause__": "use str(error)",
    "__context__": "use str(error)",
    "__traceback__": "use traceback.format_exc(), or str(error)",
    "__members__": "iterate over the Enum itself: for member in Side",
    "query": 'use a boolean mask: df[df["close"] > df["open"]]',
    "eval": 'write the expression in Python: df["a"] + df["b"]',
    "to_csv": "use self.log(...): strategies cannot write files",
    "to_json": "use to_dict()",
    "to_string": "use self.log(str(df))",
    "to_html": "use self.log(str(df))",
    "hist": 'use np.histogram; a column of that name is frame["hist"]',
    "read_csv": "prices arrive in on_data and self.history(n)",
    "data": "use np.asarray(x); the raw buffer is not available",
    "base": "copy the array: x.copy()",
    "as_strided": "use np.lib.stride_tricks.sliding_window_view",
    "info": "use self.log(str(df.describe()))",
    "view": "use astype()",
    "resize": "use reshape() or np.pad()",
    "options": "remove this line: pandas options cannot be changed",
    "perf_counter": "use time.time(), the bar's time",
    "monotonic": "use time.time(), the bar's time",
    "sleep": "remove this line: a backtest waits for nothing",
    "singledispatch": "use isinstance or match",
    "singledispatchmethod": "use isinstance or match",
    "partialmethod": "use functools.partial, or a method that calls the other",
    "MappingProxyType": "use a dict, or a frozen dataclass",
    "FileHandler": "leave it out: every line goes to the run's log",
    "Generator": "use np.random.default_rng(seed)",
    "PCG64": "use np.random.default_rng(seed)",
    "MT19937": "use np.random.RandomState(seed)",
    "UserDict": "keep a dict in an attribute of your class",
    "UserList": "keep a list in an attribute of your class",
    "ExitStack": "nest with statements",
    "Formatter": "use an f-string or str.format",
    "Template": "use an f-string or str.format",
    "ma": "use np.nanmean and the like, or a boolean mask",
    "fill_diagonal": "write m[np.diag_indices(len(m))] = value",
    "put": "write a[indices] = values",
    "place": "write a[mask] = values",
    "putmask": "write a[mask] = values",
    "copyto": "write a[:] = values",
    "trapz": "use np.trapezoid",
    "NaN": "use np.nan",
    "Inf": "use np.inf",
    "float_": "use np.float64",
    "in1d": "use np.isin",
    "api": "look at frame.dtypes",
    "style": "use self.log(str(df))",
    "strategy": "call the indicators one by one: df.ta.rsi(length=14)",
    "as_matrix": "use to_numpy()",
}

# What other engines call what a strategy asks of itself, and what it is here.
SELF_HINTS: dict[str, str] = {
    "data": "the bar is the argument of on_data; the past is self.bars.close and self.history(n)",
    **dict.fromkeys(
        names("datas data0 dataclose df dataframe candles prices ohlcv"),
        "the bar is the argument of on_data; the past is self.bars.close and self.history(n)",
    ),
    "I": "self.indicator(name, function, 'close', ...) in initialize",
    "position": "self.get_position_size(): above 0 long, below 0 short, 0 flat",
    "position_size": "self.get_position_size()",
    **dict.fromkeys(names("equity balance"), "self.get_portfolio_value(), self.get_cash()"),
    "available_margin": "self.get_cash()",
    **dict.fromkeys(names("broker exchange wallet account"), "self.portfolio, self.get_cash()"),
    **dict.fromkeys(names("close_all liquidate flatten exit"), "self.close_position()"),
    **dict.fromkeys(names("order_target_percent set_holdings"), "self.target_percent(percent)"),
    **dict.fromkeys(names("params p"), "a parameter is self.name of a class attribute"),
    "trades": "self.portfolio.trades",
    **dict.fromkeys(names("orders open_orders pending_orders"), "self.resting_orders()"),
    **dict.fromkeys(names("cancel cancel_all cancel_all_orders"), "self.cancel_orders()"),
    **dict.fromkeys(names("stop_limit stop_limit_order"), "self.buy(amount, stop=..., limit=...)"),
    **dict.fromkeys(names("buy_bracket sell_bracket"), "buy(amount, stop_loss=, take_profit=)"),
    **dict.fromkeys(names("oco one_cancels_other"), "oco='name' on each order of a group"),
    "trailing_stop": "self.set_trailing_stop(distance), or percent=",
    **dict.fromkeys(names("price close"), "self.current_price, or close of the bar"),
    **dict.fromkeys(names("time now datetime"), "self.timestamp"),
    "entry_price": "self.get_entry_price()",
}

REASONS: tuple[tuple[frozenset[str], str], ...] = (
    (FILES, "strategies cannot read or write files"),
    (MEMORY, "raw memory is not available"),
    (CODE, "code is never built from text"),
    (INTROSPECTION | INTERNALS, "the interpreter's own objects are not available"),
    (MODULE_LEVEL, "it reads files, or changes what every strategy shares"),
)


def attribute_hint(name: str) -> str | None:
    """What to write instead of the attribute `name`, or why it is not there."""
    if name in ATTRIBUTE_HINTS:
        return ATTRIBUTE_HINTS[name]
    if name.startswith("__"):
        return "special attributes are not available"
    for group, reason in REASONS:
        if name in group:
            return reason
    return None


def builtin_names() -> frozenset[str]:
    """Every name that a strategy may use without defining or importing it, but for the API."""
    return BUILTINS | EXCEPTIONS


def module_hint(name: str) -> str:
    """What to do instead of importing `name`."""
    root = name.partition(".")[0]
    for known in (name, root):
        if known in MODULE_HINTS:
            return MODULE_HINTS[known]
    return "available: " + ", ".join(sorted(m for m in MODULES if "." not in m))


_NO_WORLD = "strategies run without files, processes or network"
MODULE_HINTS: dict[str, str] = {
    **dict.fromkeys(
        names(
            """
            os sys subprocess socket pathlib shutil io urllib http ssl signal ctypes tempfile
            glob platform getpass psutil joblib dask ray dotenv
            """
        ),
        _NO_WORLD,
    ),
    **dict.fromkeys(
        names(
            """
            requests httpx aiohttp websocket websockets ccxt yfinance binance alpaca
            alpaca_trade_api ib_insync oandapyV20 MetaTrader5 krakenex pybit kucoin
            pandas_datareader quandl tushare akshare
            """
        ),
        "strategies have no network; prices arrive in on_data and self.history(n)",
    ),
    **dict.fromkeys(
        names("asyncio threading concurrent multiprocessing sched"),
        "call the function directly: a strategy runs alone, one bar after the other",
    ),
    **dict.fromkeys(
        names("pickle shelve dill cloudpickle sqlite3"),
        "keep it in self.name, which lasts from bar to bar: a run begins with nothing kept",
    ),
    **dict.fromkeys(
        names(
            """
            torch tensorflow keras xgboost lightgbm catboost joblib hmmlearn arch prophet
            stable_baselines3 gym gymnasium
            """
        ),
        "no trained models here; numpy fits lines and more: np.linalg.lstsq, np.polyfit",
    ),
    **dict.fromkeys(
        names("seaborn bokeh mplfinance altair IPython"),
        "draw lines on the result chart with self.plot(name, value)",
    ),
    **dict.fromkeys(
        names(
            "zipline nautilus_trader lumibot pyalgotrade bt AlgorithmImports vectorbtpro fastquant"
        ),
        "write: from sandtable import Strategy",
    ),
    **dict.fromkeys(
        names("quantstats pyfolio empyrical ffn"),
        "leave it out: the result page has returns, drawdown, Sharpe ratio and more",
    ),
    **dict.fromkeys(
        names("finta tulipy stockstats technical btalib pandas_ta_openbb"),
        "use talib or pandas_ta",
    ),
    **dict.fromkeys(names("loguru rich colorama termcolor tabulate"), "use self.log(...) or print"),
    **dict.fromkeys(
        names("argparse click optparse configparser yaml toml tomllib"),
        "use class constants as parameters",
    ),
    **dict.fromkeys(names("attr attrs pydantic"), "use dataclasses"),
    **dict.fromkeys(names("arrow pendulum"), "use datetime and zoneinfo"),
    "polars": "use pandas: self.history(n) is a DataFrame of it",
    "csv": "strategies cannot read or write files; prices arrive in on_data and self.history(n)",
    **dict.fromkeys(("numpy.lib.math", "numpy.math", "numpy.core.math"), "import math"),
    "scipy.stats": "use statistics, np.percentile, np.corrcoef; a regression is np.polyfit",
    "scipy.signal": "use numpy: np.convolve, np.fft; peaks by comparing with shifted arrays",
    "scipy.optimize": "use numpy: np.linalg.lstsq, or a loop over a grid",
    "numpy.core": "use numpy itself: import numpy as np",
    "talib.stream": "use talib itself: talib.RSI(frame['close'], timeperiod=14)",
    "typing_extensions": "use typing",
    "pytz": "use zoneinfo: ZoneInfo('America/New_York')",
    "dateutil": "use datetime and zoneinfo",
    "sys": "use math.inf for sys.maxsize; print(...) goes to the log",
    "tqdm": "leave it out: a run shows its progress",
    "array": "use a list or numpy",
    "queue": "use collections.deque or heapq",
    "struct": "use plain values",
    "vectorbt": "write: from sandtable import Strategy",
    "logging.handlers": "leave it out: every line goes to the run's log",
    "logging.config": "leave it out: every line goes to the run's log",
    "uuid": "use random",
    "secrets": "use random",
    "hashlib": "use random",
    "re": "use the methods of str",
    "matplotlib": "draw lines on the result chart with self.plot(name, value)",
    "plotly": "draw lines on the result chart with self.plot(name, value)",
    "inspect": "the interpreter's own objects are not available",
    "gc": "the interpreter's own objects are not available",
    "importlib": "use an import statement",
    "builtins": "builtins are in scope by their names",
    "engine": "write: from sandtable import Strategy",
    "backtesting": "write: from sandtable import Strategy",
    "backtrader": "write: from sandtable import Strategy",
    "freqtrade": "write: from sandtable import Strategy",
    "jesse": "write: from sandtable import Strategy",
    "ta": "use talib or pandas_ta",
    "scipy": "use numpy, statistics, talib or pandas_ta",
    "sklearn": "use numpy: np.linalg.lstsq, np.polyfit",
    "statsmodels": "use numpy: np.linalg.lstsq, np.polyfit",
}
