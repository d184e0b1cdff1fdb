# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl.html).
from . import test_delay
from . import test_extension
from . import test_function
from . import test_graph
from . import test_operating
from . import test_retry
from . import test_shop_order
